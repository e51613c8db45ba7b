import type { DeskInfo, Me, Ticket, User } from "@/protocol/types";

type Teams = Pick<DeskInfo, "teams">;
type Person = Pick<User, "role" | "teams" | "active">;

function isPrivate({ teams }: Teams, id: string): boolean {
  return teams.some((team) => team.id === id && team.private === true);
}

/** Whether somebody sees the tickets of this team: a private one's are for its members and administrators alone. */
export function sees(person: Person, team: string | null, info: Teams): boolean {
  if (!person.active) return false;
  return team === null || !isPrivate(info, team) || person.role === "admin" || person.teams.includes(team);
}

/** Whether somebody may hold them. Whoever is in no team is of every team that is not private. */
export function isAssignable(person: Person, team: string | null, info: Teams): boolean {
  if (!person.active) return false;
  if (team === null || person.teams.includes(team)) return true;
  return person.teams.length === 0 && (person.role === "admin" || !isPrivate(info, team));
}

/** Whether somebody may give a ticket back: the holder may, and whoever may release others'. Nobody's is nobody's already. */
export function mayRelease(
  { assignee }: Pick<Ticket, "assignee">,
  me: Pick<Me, "id" | "permissions">,
): boolean {
  return assignee === null || assignee === me.id || me.permissions.includes("release_others");
}
