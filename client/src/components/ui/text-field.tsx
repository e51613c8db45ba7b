import { type InputHTMLAttributes, useId } from "react";

export function TextField({
  label,
  hint,
  error,
  ...rest
}: InputHTMLAttributes<HTMLInputElement> & { label: string; hint?: string; error?: string | null }) {
  const id = useId();
  const described = error || hint ? `${id}-more` : undefined;
  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor={id} className="font-medium text-ink-2 text-sm">
        {label}
      </label>
      <input
        id={id}
        aria-describedby={described}
        aria-invalid={error ? true : undefined}
        className="h-10 rounded-md border border-line-strong bg-surface px-3 text-base text-ink placeholder:text-ink-3 aria-invalid:border-danger"
        {...rest}
      />
      {described ? (
        <p id={described} className={error ? "text-danger text-xs" : "text-ink-3 text-xs"}>
          {error ?? hint}
        </p>
      ) : null}
    </div>
  );
}
