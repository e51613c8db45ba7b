import type { Code, Message, Problem, ProblemDetails } from "@/protocol/types";

/** What goes wrong on this side of the wire: nobody answered, or somebody who does not speak our codes. */
export type LocalCode = "unreachable" | "offline" | "expired" | "cancelled" | `http_${number}`;
export type AnyCode = Code | LocalCode;

/** A refusal with its code, whether it came over HTTP, over the socket, or the request never got through. */
export class ProblemError extends Error {
  readonly code: AnyCode;
  readonly status: number;
  readonly retryable: boolean;
  readonly details: ProblemDetails;
  readonly fields: { pointer: string; code: string; detail: string }[];

  constructor(
    problem: Pick<Problem, "status" | "retryable"> &
      Partial<Omit<Problem, "code" | "messages">> & { code: AnyCode; messages?: Message[] },
  ) {
    super(problem.detail ?? problem.title ?? problem.code);
    this.name = "ProblemError";
    this.code = problem.code;
    this.status = problem.status;
    this.retryable = problem.retryable;
    this.fields = problem.errors ?? [];
    this.details = {
      ...(problem.holder === undefined ? {} : { holder: problem.holder }),
      ...(problem.messages === undefined ? {} : { messages: problem.messages }),
      ...(problem.version === undefined ? {} : { version: problem.version }),
      ...(problem.by === undefined ? {} : { by: problem.by }),
    };
  }
}

export function asProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  return new ProblemError({
    code: "unreachable",
    status: 0,
    retryable: true,
    detail: error instanceof Error ? error.message : String(error),
  });
}
