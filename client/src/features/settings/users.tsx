import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { strings } from "@/app/strings/strings";
import { Avatar } from "@/components/ui/avatar";
import { Button } from "@/components/ui/button";
import { CheckField } from "@/components/ui/check-field";
import { Dialog, DialogForm } from "@/components/ui/dialog";
import { Notice } from "@/components/ui/notice";
import { SelectField } from "@/components/ui/select-field";
import { TextField } from "@/components/ui/text-field";
import { useDesk } from "@/desk/desk-context";
import { newId } from "@/desk/new-id";
import { problemText } from "@/desk/refusal-text";
import { toast } from "@/desk/toast";
import type { Account, Role } from "@/protocol/types";
import { asProblem } from "@/sync/problem-error";

const ROLES: Role[] = ["agent", "supervisor", "admin"];

/** Who may come in, and as what. */
export function Users() {
  const { api, me } = useDesk();
  const [edited, setEdited] = useState<Account | "new" | null>(null);
  const users = useInfiniteQuery({
    queryKey: ["users"],
    queryFn: ({ pageParam }) => api.users(pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => (page.meta.has_more ? page.meta.after_cursor : null),
  });
  if (users.error !== null) {
    const problem = asProblem(users.error);
    return (
      <Notice
        alert
        title={strings.settings.usersFailed}
        hint={problemText(problem)}
        action={<Button onClick={() => void users.refetch()}>{strings.list.retry}</Button>}
      />
    );
  }
  const all = users.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <>
      <div>
        <Button variant="primary" onClick={() => setEdited("new")}>
          {strings.settings.addUser}
        </Button>
      </div>
      <ul aria-label={strings.settings.sections.users} className="border-t">
        {all.map((user) => (
          <li key={user.id} className="flex items-center gap-3 border-b py-2">
            <Avatar name={user.name} me={user.id === me.id} muted={!user.active} />
            <span className="min-w-0 flex-1">
              <span className="block truncate font-medium text-sm">{user.name}</span>
              <span className="block truncate text-ink-3 text-xs">{user.email}</span>
            </span>
            <span className="text-ink-2 text-sm">
              {user.active ? strings.settings.roles[user.role] : strings.settings.inactive}
            </span>
            <Button
              size="sm"
              onClick={() => setEdited(user)}
              aria-label={strings.settings.editUser(user.name)}
            >
              {strings.settings.edit}
            </Button>
          </li>
        ))}
      </ul>
      {users.hasNextPage ? (
        <div>
          <Button onClick={() => void users.fetchNextPage()} disabled={users.isFetchingNextPage}>
            {strings.settings.more}
          </Button>
        </div>
      ) : null}
      {edited === null ? null : (
        <UserDialog user={edited === "new" ? null : edited} onClose={() => setEdited(null)} />
      )}
    </>
  );
}

function UserDialog({ user, onClose }: { user: Account | null; onClose: () => void }) {
  const { api, info } = useDesk();
  const queries = useQueryClient();
  const [name, setName] = useState(user?.name ?? "");
  const [email, setEmail] = useState(user?.email ?? "");
  const [role, setRole] = useState<Role>(user?.role ?? "agent");
  const [password, setPassword] = useState("");
  const [teams, setTeams] = useState<readonly string[]>(user?.teams ?? []);
  const [active, setActive] = useState(user?.active ?? true);
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<Record<string, string>>({});
  const [error, setError] = useState<string | null>(null);
  // One key for one intention: a second press of the button after a lost answer does not make a second user.
  const [key] = useState(newId);

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setError(null);
    setWrong({});
    try {
      if (user === null) {
        await api.createUser(
          {
            name: name.trim(),
            email: email.trim(),
            role,
            teams: [...teams],
            ...(password === "" ? {} : { password }),
          },
          key,
        );
      } else {
        await api.updateUser(
          user.id,
          {
            ...(name.trim() === user.name ? {} : { name: name.trim() }),
            ...(email.trim() === user.email ? {} : { email: email.trim() }),
            ...(role === user.role ? {} : { role }),
            ...(active === user.active ? {} : { active }),
            ...(password === "" ? {} : { password }),
            teams: [...teams],
          },
          newId(),
        );
      }
      void queries.invalidateQueries({ queryKey: ["users"] });
      void queries.invalidateQueries({ queryKey: ["people"] });
      toast(strings.settings.userSaved(name.trim()));
      onClose();
    } catch (failure) {
      const problem = asProblem(failure);
      setBusy(false);
      const fields: Record<string, string> = {};
      for (const { pointer, detail } of problem.fields) fields[pointer.slice(1)] = detail;
      if (problem.code === "email_taken")
        fields.email = strings.problems.codes.email_taken ?? problem.message;
      setWrong(fields);
      if (Object.keys(fields).length === 0) setError(problemText(problem));
    }
  }

  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={user === null ? strings.settings.addUser : strings.settings.editUser(user.name)}
    >
      <DialogForm
        onSubmit={submit}
        actions={
          <Button type="submit" variant="primary" disabled={busy}>
            {strings.settings.save}
          </Button>
        }
      >
        <TextField
          label={strings.settings.name}
          value={name}
          onChange={(event) => setName(event.target.value)}
          error={wrong.name ?? null}
          autoComplete="off"
          autoFocus
        />
        <TextField
          label={strings.signIn.email}
          type="email"
          value={email}
          onChange={(event) => setEmail(event.target.value)}
          error={wrong.email ?? null}
          autoComplete="off"
        />
        <SelectField
          label={strings.settings.role}
          value={role}
          onChange={(event) => setRole(event.target.value as Role)}
          options={ROLES.map((value) => ({ value, name: strings.settings.roles[value] }))}
          hint={strings.settings.roleHints[role]}
        />
        {info.teams.length === 0 ? null : (
          <fieldset className="flex flex-col gap-2">
            <legend className="pb-1.5 font-medium text-ink-2 text-sm">{strings.nav.teams}</legend>
            {info.teams.map((team) => (
              <CheckField
                key={team.id}
                label={team.name}
                checked={teams.includes(team.id)}
                onChange={(checked) =>
                  setTeams(checked ? [...teams, team.id] : teams.filter((other) => other !== team.id))
                }
              />
            ))}
            <p className="text-ink-3 text-xs">{strings.settings.teamsHint}</p>
          </fieldset>
        )}
        <TextField
          label={user === null ? strings.signIn.password : strings.settings.newPassword}
          type="password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          hint={user === null ? strings.setUp.passwordHint : strings.settings.newPasswordHint}
          error={wrong.password ?? null}
          autoComplete="new-password"
        />
        {user === null ? null : (
          <CheckField label={strings.settings.active} checked={active} onChange={setActive} />
        )}
        {error ? (
          <p role="alert" className="text-danger text-sm">
            {error}
          </p>
        ) : null}
      </DialogForm>
    </Dialog>
  );
}
