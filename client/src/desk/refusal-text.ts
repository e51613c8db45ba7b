import { strings } from "@/app/strings/strings";
import type { ProblemDetails } from "@/protocol/types";
import { asProblem, type ProblemError } from "@/sync/problem-error";
import { errorToast } from "./toast";

/** A refusal in words that say what happened, with the name of whoever was faster. */
export function refusalText(
  code: string,
  detail: string,
  details: ProblemDetails,
  nameOf: (id: string) => string,
): string {
  if (code === "already_claimed" && details.holder !== undefined)
    return strings.problems.heldBy(nameOf(details.holder));
  if (code === "cannot_undo" && details.by !== undefined)
    return strings.problems.undoneBy(nameOf(details.by));
  return strings.problems.codes[code] ?? strings.problems.other(detail);
}

/** The same for a call that failed where nobody's name is at hand. */
export function problemText(problem: ProblemError): string {
  return refusalText(problem.code, problem.message, problem.details, (id) => id);
}

/** Says it aloud, where nothing on the screen would. */
export function problemToast(error: unknown): void {
  errorToast(strings.problems.title, { description: problemText(asProblem(error)) });
}
