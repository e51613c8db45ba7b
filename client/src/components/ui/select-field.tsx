import type { SelectHTMLAttributes } from "react";
import { Labelled, type Labels } from "./labelled";
import { Select } from "./select";

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
        <Select
          {...tied}
          className="h-10 border border-line-strong bg-surface pl-3 text-base text-ink aria-invalid:border-danger"
          {...rest}
        >
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.name}
            </option>
          ))}
        </Select>
      )}
    </Labelled>
  );
}
