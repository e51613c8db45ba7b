import { clsx } from "clsx";
import { type ReactNode, useId } from "react";

/** What every field takes beside its own element's attributes. */
export interface Labels {
  label: string;
  hint?: string;
  error?: string | null;
}

/** What ties a field to its label and to what is said below it. */
export interface Tied {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": true | undefined;
}

/** A field's label above it, and its hint or what is wrong with it below. */
export function Labelled({
  label,
  hint,
  error,
  className,
  children,
}: Labels & { className?: string; children: (tied: Tied) => ReactNode }) {
  const id = useId();
  const described = error || hint ? `${id}-more` : undefined;
  return (
    <div className={clsx("flex flex-col gap-1.5", className)}>
      <label htmlFor={id} className="font-medium text-ink-2 text-sm">
        {label}
      </label>
      {children({ id, "aria-describedby": described, "aria-invalid": error ? true : undefined })}
      {described ? (
        <p id={described} className={error ? "text-danger text-xs" : "text-ink-3 text-xs"}>
          {error ?? hint}
        </p>
      ) : null}
    </div>
  );
}
