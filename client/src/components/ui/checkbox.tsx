import clsx from "clsx";
import { Check } from "lucide-react";
import type { InputHTMLAttributes } from "react";

/** The platform's checkbox under our drawing of it. Without a label of its own it needs one that names its id. */
export function Checkbox({
  label,
  className,
  ...rest
}: Omit<InputHTMLAttributes<HTMLInputElement>, "type"> & { label?: string }) {
  return (
    <span className={clsx("relative inline-flex size-4", className)}>
      <input
        type="checkbox"
        aria-label={label}
        className="peer size-4 cursor-pointer appearance-none rounded border border-line-strong bg-surface checked:border-accent checked:bg-accent"
        {...rest}
      />
      <Check
        aria-hidden="true"
        strokeWidth={3}
        className="pointer-events-none absolute top-0.5 left-0.5 hidden size-3 text-on-accent peer-checked:block"
      />
    </span>
  );
}
