import clsx from "clsx";

function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const first = words[0]?.[0] ?? "?";
  const last = words.length > 1 ? (words.at(-1)?.[0] ?? "") : "";
  return (first + last).toUpperCase();
}

const SIZES = { xs: "size-4.5 text-[0.5rem]", sm: "size-6 text-[0.625rem]", md: "size-8 text-xs" } as const;

/** A person as two letters. Colour is kept for what means something: here, whether that person is me. */
export function Avatar({
  name,
  size = "sm",
  me = false,
  muted = false,
  className,
}: {
  name: string;
  size?: keyof typeof SIZES;
  me?: boolean;
  muted?: boolean;
  className?: string;
}) {
  return (
    <span
      aria-hidden="true"
      className={clsx(
        "inline-flex shrink-0 select-none items-center justify-center rounded-full font-semibold tracking-tight",
        me ? "bg-accent text-on-accent" : muted ? "bg-sunken text-ink-3" : "bg-press text-ink-2",
        SIZES[size],
        className,
      )}
    >
      {initials(name)}
    </span>
  );
}
