import type { ReactNode } from "react";

/** The page that customers see: quiet, narrow, and nothing of the desk behind it. */
export function RequestFrame({
  title,
  intro,
  aside,
  children,
}: {
  title: string;
  intro?: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
}) {
  return (
    <main className="scroll-thin h-full overflow-y-auto bg-canvas">
      <div className="mx-auto flex w-full max-w-2xl animate-fade flex-col gap-6 px-4 py-8 sm:py-14">
        <header className="flex flex-col gap-2">
          <div className="flex flex-wrap items-start gap-x-3 gap-y-2">
            <h1 className="min-w-0 flex-1 font-semibold text-xl tracking-tight [overflow-wrap:anywhere]">
              {title}
            </h1>
            {aside}
          </div>
          {intro ? (
            <div className="whitespace-pre-line text-ink-2 [overflow-wrap:anywhere]">{intro}</div>
          ) : null}
        </header>
        {children}
      </div>
    </main>
  );
}
