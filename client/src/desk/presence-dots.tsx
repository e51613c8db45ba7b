import clsx from "clsx";
import { strings } from "@/app/strings/strings";
import { Avatar } from "@/components/ui/avatar";
import { list } from "./format-time";
import { usePersonName, usePresence } from "./use-live";

/** Who else is on a ticket: small heads, the one who types breathing. */
export function PresenceDots({
  ticket,
  size = "xs",
  worded = false,
}: {
  ticket: number;
  size?: "xs" | "sm";
  /** Also says in words who types, where there is room. */
  worded?: boolean;
}) {
  const users = usePresence(ticket);
  const nameOf = usePersonName();
  if (users.length === 0) return null;
  const typing = users.filter((user) => user.state === "typing").map((user) => nameOf(user.user));
  const viewing = users.filter((user) => user.state === "viewing").map((user) => nameOf(user.user));
  const words = [
    typing.length > 0 ? strings.ticket.typing(list(typing)) : "",
    viewing.length > 0 ? strings.ticket.viewing(list(viewing)) : "",
  ]
    .filter(Boolean)
    .join(", ");
  return (
    <span title={words} className="inline-flex shrink-0 items-center -space-x-1">
      <span className="sr-only">{words}</span>
      {users.slice(0, 3).map((user) => (
        <span
          key={user.user}
          className={clsx(
            "inline-flex rounded-full ring-2",
            user.state === "typing" ? "animate-breathe ring-accent" : "ring-good",
          )}
        >
          <Avatar name={nameOf(user.user)} size={size} className="bg-raised" />
        </span>
      ))}
      {worded && typing.length > 0 ? (
        <span aria-hidden="true" className="hidden truncate pl-2.5 text-accent text-xs @md:inline">
          {strings.ticket.typing(list(typing))}
        </span>
      ) : null}
      {users.length > 3 ? <span className="pl-2 text-2xs text-ink-3">+{users.length - 3}</span> : null}
    </span>
  );
}
