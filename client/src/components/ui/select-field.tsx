import type { SelectHTMLAttributes } from "react";
import { Labelled, type Labels } from "./labelled";

/** The platform's own list: it works with every keyboard, screen reader and thumb. */
export function SelectField({
  label,
  options,
  hint,
  error,
  ...rest
}: SelectHTMLAttributes<HTMLSelectElement> &
  Labels & { options: readonly { value: string; name: string }[] }) {
  return (
    <Labelled label={label} hint={hint} error={error} className="min-w-0">
      {(tied) => (
        <select
          {...tied}
          className="h-10 min-w-0 rounded-md border border-line-strong bg-surface px-2.5 text-base text-ink aria-invalid:border-danger"
          {...rest}
        >
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.name}
            </option>
          ))}
        </select>
      )}
    </Labelled>
  );
}
