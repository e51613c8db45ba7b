import { ChartNoAxesColumn } from "lucide-react";
import { figureWords as words } from "@/app/strings/figures";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { refusalText } from "@/desk/refusal-text";
import { asProblem } from "@/sync/problem-error";

/** What stands in place of figures that are not there. */
export function Missing({ error, retry }: { error: unknown; retry: () => void }) {
  if (error === null || error === undefined)
    return (
      <div role="status" aria-label={words.waitingForFigures} className="flex flex-col gap-4">
        <Skeleton className="h-28 w-full rounded-xl" />
        <div className="grid gap-4 lg:grid-cols-2">
          <Skeleton className="h-72 w-full rounded-xl" />
          <Skeleton className="h-72 w-full rounded-xl" />
        </div>
      </div>
    );
  const problem = asProblem(error);
  return (
    <Notice
      alert
      icon={<ChartNoAxesColumn />}
      title={words.failed}
      hint={
        problem.code === "unavailable"
          ? words.counting
          : refusalText(problem.code, problem.message, problem.details, String)
      }
      action={
        <Button variant="primary" onClick={retry}>
          {words.retry}
        </Button>
      }
    />
  );
}
