import { figureWords as words } from "@/app/strings/figures";
import { strings } from "@/app/strings/strings";
import type { Priority } from "@/protocol/types";
import type { Desk } from "../desk-context";

/** A value of a dimension as people call it; `none` is none. */
export function nameOf(desk: Pick<Desk, "info" | "people">, dimension: string, value: string): string {
  if (value === "none") return words.none;
  switch (dimension) {
    case "team":
      return desk.info.teams.find((team) => team.id === value)?.name ?? value;
    case "category":
      return desk.info.categories.find((category) => category.id === value)?.name ?? value;
    case "agent":
      return desk.people.get(value)?.name ?? value;
    case "priority":
      return strings.priority[value as Priority] ?? value;
    case "status":
      return strings.status[value as keyof typeof strings.status] ?? value;
    case "channel":
      return strings.channel[value as keyof typeof strings.channel] ?? value;
    case "target":
      return words.sla.targets[value as keyof typeof words.sla.targets] ?? value;
    default:
      return value;
  }
}
