import type { TextareaHTMLAttributes } from "react";
import { Labelled, type Labels } from "./labelled";

export function TextArea({
  label,
  hint,
  error,
  ...rest
}: TextareaHTMLAttributes<HTMLTextAreaElement> & Labels) {
  return (
    <Labelled label={label} hint={hint} error={error}>
      {(tied) => (
        <textarea
          {...tied}
          className="scroll-thin resize-y rounded-md border border-line-strong bg-surface px-3 py-2 text-base text-ink placeholder:text-ink-3 aria-invalid:border-danger"
          {...rest}
        />
      )}
    </Labelled>
  );
}
