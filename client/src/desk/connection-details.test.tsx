// @vitest-environment jsdom
import { fireEvent, screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { stage } from "../../tests/render-desk";
import { ConnectionDetails } from "./connection-details";
import { useConnection, useOutbox } from "./use-live";

function Status() {
  const { unsent } = useOutbox();
  const trigger = <button type="button">Status</button>;
  return <ConnectionDetails trigger={trigger} state={useConnection()} unsent={unsent} polling={false} />;
}

test("C11: what is unsent is told in its order, and can be taken back one by one", async () => {
  const { server, ada, advance } = await stage(() => <Status />);
  server.up = false;
  server.hangUpAll(1006);
  await advance(50);
  for (const priority of ["high", "low"] as const)
    ada.desk.outbox.enqueue({ ticket: 1, do: { type: "update", priority }, predict: { priority } });
  ada.desk.outbox.enqueue({ ticket: 2, do: { type: "message", body: "Later", visibility: "public" } });
  await advance(20);
  fireEvent.click(screen.getByRole("button", { name: "Status" }));
  const list = within(await screen.findByRole("region", { name: "3 changes unsent" }));
  const lines = () => list.getAllByRole("listitem").map((line) => line.textContent);
  expect(lines()).toEqual(["#1set priority to HighTake back", "#1set priority to LowTake back", "#2Reply"]);
  fireEvent.click(list.getAllByRole("button", { name: "Take back" })[1] as HTMLElement);
  await advance(20);
  expect(ada.desk.tickets.get(1)?.priority).toBe("high");
  server.up = true;
  await advance(60_000);
  expect(server.tickets.get(1)?.priority).toBe("high");
});
