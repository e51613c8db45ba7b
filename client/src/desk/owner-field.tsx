import { strings } from "@/app/strings/strings";
import { SelectField } from "@/components/ui/select-field";
import type { Owned, Owner } from "./collection";
import { useDesk } from "./desk-context";

/** Whether this user may share, and with whom; nothing at all for who may not. */
export function OwnerField({ owner, onChange }: { owner: Owner; onChange: (owner: Owner) => void }) {
  const { me, info } = useDesk();
  if (!me.permissions.includes("shared_write")) return null;
  const teams = info.teams.filter(
    (team) => me.role === "admin" || me.teams.length === 0 || me.teams.includes(team.id),
  );
  return (
    <SelectField
      label={strings.share.label}
      value={owner}
      onChange={(event) => onChange(event.target.value as Owner)}
      options={[
        { value: "me", name: strings.share.me },
        { value: "all", name: strings.share.all },
        ...teams.map((team) => ({ value: `team-${team.id}`, name: team.name })),
      ]}
    />
  );
}

export function useOwnerName(): (item: Owned<unknown>) => string | null {
  const { info } = useDesk();
  return (item) => {
    if (item.shared === undefined) return null;
    const { team } = item.shared;
    return team === null ? strings.share.all : (info.teams.find((other) => other.id === team)?.name ?? team);
  };
}
