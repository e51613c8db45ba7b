import type { InputHTMLAttributes } from "react";
import { Labelled, type Labels } from "./labelled";

export function TextField({ label, hint, error, ...rest }: InputHTMLAttributes<HTMLInputElement> & Labels) {
  return (
    <Labelled label={label} hint={hint} error={error}>
      {(tied) => (
        <input
          {...tied}
          className="h-10 rounded-md border border-line-strong bg-surface px-3 text-base text-ink placeholder:text-ink-3 aria-invalid:border-danger"
          {...rest}
        />
      )}
    </Labelled>
  );
}
