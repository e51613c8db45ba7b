import { type SelectHTMLAttributes, useId } from "react";

/** The platform's own list: it works with every keyboard, screen reader and thumb. */
export function SelectField({
  label,
  options,
  hint,
  ...rest
}: SelectHTMLAttributes<HTMLSelectElement> & {
  label: string;
  hint?: string;
  options: readonly { value: string; name: string }[];
}) {
  const id = useId();
  return (
    <div className="flex min-w-0 flex-col gap-1.5">
      <label htmlFor={id} className="font-medium text-ink-2 text-sm">
        {label}
      </label>
      <select
        id={id}
        aria-describedby={hint ? `${id}-more` : undefined}
        className="h-10 min-w-0 rounded-md border border-line-strong bg-surface px-2.5 text-base text-ink"
        {...rest}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.name}
          </option>
        ))}
      </select>
      {hint ? (
        <p id={`${id}-more`} className="text-ink-3 text-xs">
          {hint}
        </p>
      ) : null}
    </div>
  );
}
