/** What is done to the marked tickets; as long as some are, these keys mean nothing else. */
export const BULK_KEYS = {
  take: "t",
  solve: "e",
  assign: "a",
  status: "s",
  priority: "p",
  clear: "Escape",
} as const;
