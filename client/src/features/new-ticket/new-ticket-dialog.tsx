import { type FormEvent, useEffect, useMemo, useRef, useState } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Dialog, DialogForm } from "@/components/ui/dialog";
import { Kbd } from "@/components/ui/kbd";
import { SelectField } from "@/components/ui/select-field";
import { TextArea } from "@/components/ui/text-area";
import { TextField } from "@/components/ui/text-field";
import { useDesk } from "@/desk/desk-context";
import { refusalText } from "@/desk/refusal-text";
import { type TicketForm, TicketForms } from "@/desk/ticket-forms";
import { errorToast, toast } from "@/desk/toast";
import { useConnection } from "@/desk/use-live";
import type { CreateTicket, Priority } from "@/protocol/types";

type Missing = Partial<Record<"subject" | "body" | "email", string>>;

export function NewTicketDialog({
  onClose,
  onCreated,
  onAgain,
}: {
  onClose: () => void;
  onCreated: (ticket: number) => void;
  /** Opens the dialog once more, with what was refused in it. */
  onAgain: () => void;
}) {
  const { sync, info, announce, people, storage, me } = useDesk();
  const connection = useConnection();
  const forms = useMemo(() => new TicketForms(storage, me.id), [storage, me.id]);
  const [draft, setDraft] = useState(() => forms.first());
  const [busy, setBusy] = useState(false);
  const [missing, setMissing] = useState<Missing>({});
  const [error, setError] = useState<string | null>(null);
  const here = useRef(true);
  useEffect(() => {
    here.current = true;
    return () => {
      here.current = false;
    };
  }, []);

  function write(change: Partial<TicketForm>) {
    if (busy) return;
    const next = { ...draft, ...change };
    forms.write(draft, next);
    setDraft(next);
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    const wrong: Missing = {};
    if (draft.subject.trim() === "") wrong.subject = strings.newTicket.required;
    if (draft.body.trim() === "") wrong.body = strings.newTicket.required;
    if (draft.email.trim() === "") wrong.email = strings.newTicket.required;
    else if (!/^\S+@\S+$/.test(draft.email.trim())) wrong.email = strings.newTicket.badEmail;
    setMissing(wrong);
    if (Object.keys(wrong).length > 0) return;
    const tags = draft.tags
      .split(",")
      .map((tag) => tag.trim().toLowerCase())
      .filter(Boolean);
    const what: CreateTicket = {
      subject: draft.subject.trim(),
      body: draft.body.trim(),
      requester: { name: draft.name.trim() || draft.email.trim(), email: draft.email.trim() },
      priority: draft.priority,
      ...(draft.category === "" ? {} : { category: draft.category }),
      ...(tags.length === 0 ? {} : { tags }),
    };
    setBusy(true);
    setError(null);
    const { outcome } = sync.outbox.enqueue({ do: { type: "create", ...what }, told: true });
    forms.sent(draft);
    void outcome.then((settled) => {
      if (settled.ok) {
        if (settled.ticket === null) return;
        const { ticket } = settled;
        announce(strings.newTicket.created(ticket));
        if (here.current) onCreated(ticket);
        else
          toast(strings.newTicket.created(ticket), {
            action: { label: strings.actions.open(ticket), onClick: () => onCreated(ticket) },
          });
        return;
      }
      forms.giveBack(draft);
      const reason = refusalText(
        settled.code,
        settled.message,
        settled.details,
        (id) => people.get(id)?.name ?? id,
      );
      if (here.current) {
        setBusy(false);
        setError(reason);
      } else {
        errorToast(strings.newTicket.refused, {
          description: reason,
          action: { label: strings.newTicket.again, onClick: onAgain },
        });
      }
    });
    if (connection.kind === "offline" || connection.kind === "connecting") {
      toast(strings.newTicket.kept);
      onClose();
    }
  }

  return (
    <Dialog open onOpenChange={onClose} title={strings.newTicket.title}>
      <DialogForm
        onSubmit={submit}
        actions={
          <Button type="submit" variant="primary" disabled={busy}>
            {busy ? strings.newTicket.submitting : strings.newTicket.submit}
            <Kbd keys="mod+Enter" />
          </Button>
        }
      >
        <TextField
          label={strings.newTicket.subject}
          value={draft.subject}
          onChange={(event) => write({ subject: event.target.value })}
          error={missing.subject ?? null}
          maxLength={300}
          autoFocus
        />
        <TextArea
          label={strings.newTicket.body}
          rows={5}
          value={draft.body}
          onChange={(event) => write({ body: event.target.value })}
          hint={strings.newTicket.bodyHint}
          error={missing.body ?? null}
        />
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField
            label={strings.newTicket.name}
            value={draft.name}
            onChange={(event) => write({ name: event.target.value })}
            autoComplete="off"
          />
          <TextField
            label={strings.newTicket.email}
            type="email"
            value={draft.email}
            onChange={(event) => write({ email: event.target.value })}
            error={missing.email ?? null}
            autoComplete="off"
          />
          <SelectField
            label={strings.details.priority}
            value={draft.priority}
            onChange={(event) => write({ priority: event.target.value as Priority })}
            options={info.priorities.map((value) => ({ value, name: strings.priority[value] }))}
          />
          <SelectField
            label={strings.details.category}
            value={draft.category}
            onChange={(event) => write({ category: event.target.value })}
            options={[
              { value: "", name: strings.details.none },
              ...info.categories.map(({ id, name }) => ({ value: id, name })),
            ]}
          />
        </div>
        <TextField
          label={strings.newTicket.tags}
          hint={strings.newTicket.tagsHint}
          value={draft.tags}
          onChange={(event) => write({ tags: event.target.value })}
          autoComplete="off"
        />
        {error ? (
          <p role="alert" className="text-danger text-sm">
            {error}
          </p>
        ) : null}
      </DialogForm>
    </Dialog>
  );
}
