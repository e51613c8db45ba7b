import type { ReactNode } from "react";
import { strings } from "@/app/strings/strings";

/** The page in front of the desk. */
export function Door({ title, intro, children }: { title: string; intro: string; children: ReactNode }) {
  return (
    <main className="flex h-full items-center justify-center overflow-y-auto p-4">
      <div className="flex w-full max-w-90 animate-fade flex-col gap-6 py-10">
        <header className="flex flex-col gap-1">
          <svg viewBox="0 0 32 32" className="mb-4 size-10" aria-hidden="true">
            <rect width="32" height="32" rx="8" className="fill-accent" />
            <path
              d="M9 8v16M9 16h9a4 4 0 0 1 4 4v4"
              fill="none"
              className="stroke-on-accent"
              strokeWidth="3.4"
              strokeLinecap="round"
            />
            <circle cx="22" cy="9.6" r="2.6" className="fill-on-accent" />
          </svg>
          <p className="sr-only">{strings.product}</p>
          <h1 className="font-semibold text-xl tracking-tight">{title}</h1>
          <p className="text-ink-2">{intro}</p>
        </header>
        {children}
      </div>
    </main>
  );
}
