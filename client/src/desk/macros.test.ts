import { describe, expect, test } from "vitest";
import { memoryStorage } from "@/sync/storage";
import { ManualClock } from "@/sync/testing/manual-clock";
import { ticket } from "@/sync/testing/tickets";
import { filledIn, macros as macrosFrom } from "./macros";
import { NO_PREFERENCES, PreferencesStore } from "./preferences";
import { SharedStore } from "./shared";
import { nothingShared, serverOf } from "./testing/preferences-server";

const about = ticket({
  id: 7,
  subject: "Late",
  requester: { name: "Rosa de Vries", email: "rosa@example.com" },
});

describe("C46: macros", () => {
  test("are filled in for the ticket, and what nobody knows stays to be seen", () => {
    expect(
      filledIn(
        "Hello {{requester.first_name}}, #{{ ticket.id }} “{{ticket.subject}}”. {{me.name}} {{moon}}",
        about,
        {
          name: "Ada Lindqvist",
        },
      ),
    ).toBe("Hello Rosa, #7 “Late”. Ada Lindqvist {{moon}}");
  });

  test("a value that looks like a macro is not filled in again", () => {
    const sly = { ...about, subject: "{{me.name}}" };
    expect(filledIn("{{ticket.subject}}", sly, { name: "Ada" })).toBe("{{me.name}}");
  });

  test("are kept for their user, over reloads", async () => {
    const storage = memoryStorage();
    const first = { ...NO_PREFERENCES, macros: [{ id: "first", name: "Hello", body: "Hello" }] };
    const macrosOf = (user: string) =>
      macrosFrom(
        new PreferencesStore({ storage, user, api: serverOf(), clock: new ManualClock() }, first),
        new SharedStore(nothingShared),
      );
    const macros = macrosOf("ada");
    for (const macro of macros.all.get()) await macros.remove(macro);
    await macros.put({ id: "a", name: "Thanks", body: "Thank you!" }, "me");
    await macros.put({ id: "a", name: "Thanks", body: "Many thanks!" }, "me");
    expect(macrosOf("ada").all.get()).toEqual([{ id: "a", name: "Thanks", body: "Many thanks!" }]);
    expect(macrosOf("bo").all.get()).toEqual(first.macros);
  });

  test("C60: stand beside those that are shared, and follow them", async () => {
    const shared = new SharedStore({
      ...nothingShared,
      shared: async () => [
        {
          id: "s1",
          version: 1,
          kind: "macro",
          name: "Refund",
          team: "billing",
          body: "You get it back.",
          created_at: "",
          updated_at: "",
          by: "sue",
        },
      ],
    });
    const macros = macrosFrom(
      new PreferencesStore({
        storage: memoryStorage(),
        user: "ada",
        api: serverOf(),
        clock: new ManualClock(),
      }),
      shared,
    );
    await shared.refresh();
    expect(macros.all.get()).toEqual([
      { id: "s1", name: "Refund", body: "You get it back.", shared: { team: "billing" } },
    ]);
  });
});
