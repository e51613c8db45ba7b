import { strings } from "@/app/strings/strings";
import { SelectField } from "@/components/ui/select-field";
import { useDesk } from "./desk-context";

/** Whose something is: one's own, everybody's, or a team's. */
export type Owner = "me" | "all" | `team-${string}`;

export function ownerOf(item: { shared?: { team: string | null } } | undefined): Owner {
  if (item?.shared === undefined) return "me";
  return item.shared.team === null ? "all" : `team-${item.shared.team}`;
}

/** The team that an owner stands for; null for everybody. */
export function teamOf(owner: Owner): string | null {
  return owner.startsWith("team-") ? owner.slice("team-".length) : null;
}

/** Whether this user may share, and with whom; nothing at all for who may not. */
export function ShareField({ owner, onChange }: { owner: Owner; onChange: (owner: Owner) => void }) {
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

export function useOwnerName(): (item: { shared?: { team: string | null } }) => string | null {
  const { info } = useDesk();
  return (item) => {
    if (item.shared === undefined) return null;
    const { team } = item.shared;
    return team === null ? strings.share.all : (info.teams.find((other) => other.id === team)?.name ?? team);
  };
}
