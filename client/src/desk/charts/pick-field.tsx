import { ChevronDown } from "lucide-react";
import { useId } from "react";

/** A small choice in a bar of choices: the platform's own list, with its label for those who cannot see the bar. */
export function PickField({
  label,
  value,
  options,
  onPick,
}: {
  label: string;
  value: string;
  options: readonly { value: string; name: string }[];
  onPick: (value: string) => void;
}) {
  const id = useId();
  return (
    <span className="relative inline-flex items-center max-sm:flex-1 max-sm:basis-36">
      <label htmlFor={id} className="sr-only">
        {label}
      </label>
      <select
        id={id}
        value={value}
        onChange={(event) => onPick(event.target.value)}
        className="h-7.5 max-w-48 appearance-none max-sm:w-full max-sm:max-w-none truncate rounded-md border bg-surface pr-7 pl-2.5 text-ink-2 text-sm hover:bg-hover coarse:h-11"
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.name}
          </option>
        ))}
      </select>
      <ChevronDown className="pointer-events-none absolute right-2 size-3.5 text-ink-3" aria-hidden="true" />
    </span>
  );
}
