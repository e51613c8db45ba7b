import { strings } from "@/app/strings/strings";
import { Avatar } from "@/components/ui/avatar";
import { Notice } from "@/components/ui/notice";
import { useDesk } from "@/desk/desk-context";

/** Teams stand in the server's configuration; here is who is in them. */
export function Teams() {
  const { info, people } = useDesk();
  if (info.teams.length === 0)
    return <Notice title={strings.settings.noTeams} hint={strings.settings.noTeamsHint} />;
  return (
    <ul className="flex flex-col gap-5">
      {info.teams.map((team) => {
        const members = [...people.values()]
          .filter((person) => person.active && (person.teams.length === 0 || person.teams.includes(team.id)))
          .sort((a, b) => a.name.localeCompare(b.name));
        return (
          <li key={team.id}>
            <h3 className="font-medium text-base">{team.name}</h3>
            {team.description ? <p className="text-ink-3 text-sm">{team.description}</p> : null}
            <ul className="flex flex-wrap gap-x-4 gap-y-1.5 pt-2">
              {members.map((person) => (
                <li key={person.id} className="flex items-center gap-1.5 text-ink-2 text-sm">
                  <Avatar name={person.name} size="xs" />
                  {person.name}
                </li>
              ))}
            </ul>
          </li>
        );
      })}
    </ul>
  );
}
