import { describe, expect, test } from "vitest";
import { memoryStorage } from "@/sync/storage";
import { ticket } from "@/sync/testing/tickets";
import { filledIn, Macros } from "./macros";

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

  test("are kept for their user, over reloads", () => {
    const storage = memoryStorage();
    const macros = new Macros(storage, "ada");
    for (const macro of macros.all.get()) macros.remove(macro.id);
    macros.put({ id: "a", name: "Thanks", body: "Thank you!" });
    macros.put({ id: "a", name: "Thanks", body: "Many thanks!" });
    expect(new Macros(storage, "ada").all.get()).toEqual([{ id: "a", name: "Thanks", body: "Many thanks!" }]);
    expect(new Macros(storage, "bo").all.get().length).toBeGreaterThan(1);
  });
});
