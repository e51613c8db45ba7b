import { expect, test } from "vitest";
import { ErrorReports, type Report } from "./report-errors";

test("O33: a browser tells each error once, a few at most, with its place and build", () => {
  const told: Report[] = [];
  const reports = new ErrorReports(
    (report) => told.push(report),
    () => "/inbox/all",
  );
  reports.build = "abc";
  const error = new TypeError("x is not a function");
  reports.note(error);
  reports.note(error);
  reports.note("a word");
  expect(told.map((report) => report.message)).toEqual(["TypeError: x is not a function", "a word"]);
  expect(told[0]).toMatchObject({ place: "/inbox/all", build: "abc", stack: error.stack?.slice(0, 4_000) });
  for (let round = 0; round < 50; round += 1) reports.note(`error ${round}`);
  expect(told).toHaveLength(10);
});
