import { type SelectHTMLAttributes, useId } from "react";

/** The platform's own list: it works with every keyboard, screen reader and thumb. */
export function SelectField({
  label,
  options,
  hint,
  error,
  ...rest
}: SelectHTMLAttributes<HTMLSelectElement> & {
  label: string;
  hint?: string;
  error?: string | null;
  options: readonly { value: string; name: string }[];
}) {
  const id = useId();
  const described = error || hint ? `${id}-more` : undefined;
  return (
    <div className="flex min-w-0 flex-col gap-1.5">
      <label htmlFor={id} className="font-medium text-ink-2 text-sm">
        {label}
      </label>
      <select
        id={id}
        aria-describedby={described}
        aria-invalid={error ? true : undefined}
        className="h-10 min-w-0 rounded-md border border-line-strong bg-surface px-2.5 text-base text-ink aria-invalid:border-danger"
        {...rest}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.name}
          </option>
        ))}
      </select>
      {described ? (
        <p id={described} className={error ? "text-danger text-xs" : "text-ink-3 text-xs"}>
          {error ?? hint}
        </p>
      ) : null}
    </div>
  );
}
