import { strings } from "@/app/strings/strings";
import { Avatar } from "@/components/ui/avatar";
import { Button } from "@/components/ui/button";
import { useDesk } from "@/desk/desk-context";
import { list } from "@/desk/format-time";

export function Profile() {
  const { me, info, signOut } = useDesk();
  const teams = me.teams.map((id) => info.teams.find((team) => team.id === id)?.name ?? id);
  const rows = [
    [strings.settings.name, me.name],
    [strings.signIn.email, me.email],
    [strings.settings.role, strings.settings.roles[me.role]],
    [strings.nav.teams, teams.length === 0 ? strings.settings.everyTeam : list(teams)],
  ] as const;
  return (
    <>
      <div className="flex items-center gap-4">
        <Avatar name={me.name} me className="size-14! text-lg!" />
        <dl className="grid flex-1 grid-cols-[7rem_minmax(0,1fr)] gap-y-2 text-sm">
          {rows.map(([label, value]) => (
            <div key={label} className="contents">
              <dt className="text-ink-3">{label}</dt>
              <dd className="truncate">{value}</dd>
            </div>
          ))}
        </dl>
      </div>
      <p className="text-ink-3 text-sm">
        {me.permissions.includes("users_manage")
          ? strings.settings.profileAdmin
          : strings.settings.profileHint}
      </p>
      <div>
        <Button onClick={signOut}>{strings.nav.signOut}</Button>
      </div>
    </>
  );
}
