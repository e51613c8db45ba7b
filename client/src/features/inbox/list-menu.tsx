import { SlidersHorizontal } from "lucide-react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import {
  Menu,
  MenuContent,
  MenuLabel,
  MenuRadioGroup,
  MenuRadioItem,
  MenuSeparator,
  MenuTrigger,
} from "@/components/ui/menu";
import { Tooltip } from "@/components/ui/tooltip";
import { GROUPS, type Group, SORTS, type Sort } from "@/desk/views";

/** How the rows are ordered and grouped. */
export function ListMenu({
  sort,
  onSort,
  group,
  onGroup,
}: {
  sort: Sort;
  onSort: (sort: Sort) => void;
  group: Group;
  onGroup: (group: Group) => void;
}) {
  return (
    <Menu>
      <Tooltip label={strings.list.options}>
        <MenuTrigger asChild>
          <Button variant="ghost" size="icon" aria-label={strings.list.options}>
            <SlidersHorizontal className="size-4" />
          </Button>
        </MenuTrigger>
      </Tooltip>
      <MenuContent align="end">
        <MenuLabel>{strings.list.sort}</MenuLabel>
        <MenuRadioGroup value={sort} onValueChange={(value) => onSort(value as Sort)}>
          {SORTS.map((option) => (
            <MenuRadioItem key={option} value={option}>
              {strings.list.sorts[option]}
            </MenuRadioItem>
          ))}
        </MenuRadioGroup>
        <MenuSeparator />
        <MenuLabel>{strings.list.group}</MenuLabel>
        <MenuRadioGroup value={group} onValueChange={(value) => onGroup(value as Group)}>
          {GROUPS.map((option) => (
            <MenuRadioItem key={option} value={option}>
              {strings.list.groups[option]}
            </MenuRadioItem>
          ))}
        </MenuRadioGroup>
      </MenuContent>
    </Menu>
  );
}
