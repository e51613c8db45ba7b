import { type TextareaHTMLAttributes, useId } from "react";

export function TextArea({
  label,
  hint,
  error,
  ...rest
}: TextareaHTMLAttributes<HTMLTextAreaElement> & { label: string; hint?: string; error?: string | null }) {
  const id = useId();
  const described = error || hint ? `${id}-more` : undefined;
  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor={id} className="font-medium text-ink-2 text-sm">
        {label}
      </label>
      <textarea
        id={id}
        aria-describedby={described}
        aria-invalid={error ? true : undefined}
        className="scroll-thin resize-y rounded-md border border-line-strong bg-surface px-3 py-2 text-base text-ink placeholder:text-ink-3 aria-invalid:border-danger"
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
