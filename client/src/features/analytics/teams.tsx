import { useMemo, useState } from "react";
import { figureWords as words } from "@/app/strings/figures";
import { Card } from "@/desk/charts/chart-card";
import { nameOf } from "@/desk/charts/dimension-name";
import { type Column, FigureTable } from "@/desk/charts/figure-table";
import { median } from "@/desk/charts/figure-text";
import { PickField } from "@/desk/charts/pick-field";
import { useDesk } from "@/desk/desk-context";
import { number } from "@/desk/format-time";
import { useLiveFigures } from "@/desk/use-figures";
import type { GroupFigures } from "@/protocol/types";
import { Missing } from "./state-of";

const GROUPS = ["teams", "categories", "priorities", "channels", "tags"] as const;
type Group = (typeof GROUPS)[number];
const DIMENSIONS: Record<Group, string> = {
  teams: "team",
  categories: "category",
  priorities: "priority",
  channels: "channel",
  tags: "tag",
};

interface Row extends GroupFigures {
  key: string;
  name: string;
}

/** Teams, or any other parts of the desk, beside each other: what each has now and did today. */
export function Teams() {
  const desk = useDesk();
  const { figures, error, retry } = useLiveFigures();
  const [group, setGroup] = useState<Group>("teams");
  const rows = useMemo<Row[]>(
    () =>
      Object.entries(figures?.[group] ?? {}).map(([key, one]) => ({
        ...one,
        key,
        name: nameOf(desk, DIMENSIONS[group], key),
      })),
    [figures, group, desk],
  );
  const columns = useMemo<Column<Row>[]>(
    () => [
      {
        id: "name",
        name: words.group[group],
        by: (row) => row.name,
        draw: (row) => <span className="block truncate">{row.name}</span>,
        text: true,
      },
      count("waiting", words.group.waiting),
      count("unsolved", words.group.unsolved),
      count("at_risk", words.group.atRisk, "text-warn"),
      count("breached", words.group.breached, "text-danger"),
      count("created", words.group.created),
      count("solved", words.group.solved),
      {
        id: "first",
        name: words.group.firstResponse,
        by: (row) => row.first_response.median_ms,
        draw: (row) => median(row.first_response),
      },
      {
        id: "resolution",
        name: words.group.resolution,
        by: (row) => row.resolution.median_ms,
        draw: (row) => median(row.resolution),
      },
    ],
    [group],
  );
  if (figures === null) return <Missing error={error} retry={retry} />;
  return (
    <Card
      title={words.group[group]}
      hint={words.group.today}
      aside={
        <PickField
          label={words.group.by}
          value={group}
          onPick={(value) => setGroup(GROUPS.find((one) => one === value) ?? "teams")}
          options={GROUPS.map((value) => ({ value, name: words.group[value] }))}
        />
      }
    >
      {rows.length === 0 ? (
        <p className="py-6 text-center text-ink-3 text-sm">{words.nothing}</p>
      ) : (
        <FigureTable
          key={group}
          label={words.group[group]}
          rows={rows}
          columns={columns}
          keyOf={(row) => row.key}
          order="unsolved"
        />
      )}
    </Card>
  );
}

function count(
  id: "waiting" | "unsolved" | "at_risk" | "breached" | "created" | "solved",
  name: string,
  tone?: string,
): Column<Row> {
  return {
    id,
    name,
    by: (row) => row[id],
    draw: (row) => <span className={row[id] === 0 ? "text-ink-3" : tone}>{number(row[id])}</span>,
  };
}
