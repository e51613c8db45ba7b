import clsx from "clsx";
import { Avatar } from "@/components/ui/avatar";
import type { User } from "@/protocol/types";

export interface Mention {
  /** Where the `@` stands. */
  from: number;
  word: string;
}

/** The `@…` that somebody is just writing: from a word's beginning to the caret. */
export function mentionAt(text: string, caret: number): Mention | null {
  const found = /(?:^|[\s(])@([\p{L}\p{N}.'-]*)$/u.exec(text.slice(0, caret));
  if (found === null) return null;
  const word = found[1] ?? "";
  return { from: caret - word.length - 1, word };
}

const OFFERED = 6;

export function mentionable(people: Iterable<User>, word: string): User[] {
  const begins = word.toLowerCase();
  return [...people]
    .filter(
      (person) =>
        person.active &&
        person.name
          .toLowerCase()
          .split(/\s+/)
          .some((part) => part.startsWith(begins)),
    )
    .sort((a, b) => a.name.localeCompare(b.name))
    .slice(0, OFFERED);
}

/** So many people can be asked by one note. */
const MOST = 20;

/** The people whose whole names stand behind an `@`; of two names that begin alike the longer one counts. */
export function mentionedIn(body: string, people: Iterable<User>): string[] {
  const named = [...people]
    .filter((person) => person.active)
    .sort((a, b) => b.name.length - a.name.length || a.id.localeCompare(b.id));
  const found = new Set<string>();
  for (let at = body.indexOf("@"); at >= 0; at = body.indexOf("@", at + 1)) {
    if (at > 0 && /[\p{L}\p{N}]/u.test(body[at - 1] ?? "")) continue;
    const rest = body.slice(at + 1);
    const meant = named.find(
      ({ name }) =>
        rest.toLowerCase().startsWith(name.toLowerCase()) && !/[\p{L}\p{N}]/u.test(rest[name.length] ?? ""),
    );
    if (meant !== undefined) found.add(meant.id);
  }
  return [...found].slice(0, MOST);
}

/** Whom the `@` may mean. The box keeps the focus; the arrows move through this list. */
export function MentionList({
  id,
  label,
  people,
  at,
  onChoose,
}: {
  id: string;
  label: string;
  people: readonly User[];
  at: number;
  onChoose: (person: User) => void;
}) {
  return (
    <div
      id={id}
      role="listbox"
      aria-label={label}
      className="absolute bottom-full left-3 z-20 mb-1 flex w-64 animate-pop flex-col rounded-lg bg-raised p-1 shadow-pop"
    >
      {people.map((person, index) => (
        <button
          key={person.id}
          id={`${id}-${index}`}
          type="button"
          role="option"
          tabIndex={-1}
          aria-selected={index === at}
          // The box must not lose the focus to a click.
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => onChoose(person)}
          className={clsx(
            "flex h-8 items-center gap-2 rounded-md px-2 text-left text-sm coarse:h-11",
            index === at && "bg-hover",
          )}
        >
          <Avatar name={person.name} size="xs" />
          <span className="truncate">{person.name}</span>
        </button>
      ))}
    </div>
  );
}
