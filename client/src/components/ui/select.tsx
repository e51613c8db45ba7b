import clsx from "clsx";
import { ChevronDown } from "lucide-react";
import type { SelectHTMLAttributes } from "react";

/** The platform's own list, which works with every keyboard, screen reader and thumb, in the looks of the desk. */
export function Select({ className, ...rest }: SelectHTMLAttributes<HTMLSelectElement>) {
  return (
    <span className="relative flex min-w-0 flex-1 items-center">
      <select
        className={clsx("w-full min-w-0 appearance-none truncate rounded-md pr-8", className)}
        {...rest}
      />
      <ChevronDown className="pointer-events-none absolute right-2.5 size-4 text-ink-3" aria-hidden="true" />
    </span>
  );
}
