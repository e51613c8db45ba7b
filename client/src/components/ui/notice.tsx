import type { ReactNode } from "react";

/** A pane with nothing else to show says so, and what to do about it. */
export function Notice({
  icon,
  title,
  hint,
  action,
  alert = false,
  page = false,
}: {
  icon?: ReactNode;
  title: string;
  hint?: string;
  action?: ReactNode;
  alert?: boolean;
  /** It is all that there is on the screen. */
  page?: boolean;
}) {
  const Box = page ? "main" : "div";
  const Title = page ? "h1" : "p";
  return (
    <Box
      {...(page ? { id: "ticket", tabIndex: -1 } : {})}
      role={alert ? "alert" : undefined}
      className="flex h-full animate-fade flex-col items-center justify-center gap-1 px-6 py-12 text-center"
    >
      {icon ? <div className="mb-3 text-ink-3 [&>svg]:size-7 [&>svg]:stroke-[1.4]">{icon}</div> : null}
      <Title className="font-medium text-base text-ink">{title}</Title>
      {hint ? <p className="max-w-72 text-balance text-ink-3 text-sm">{hint}</p> : null}
      {action ? <div className="mt-4">{action}</div> : null}
    </Box>
  );
}
