// Board and list with many tickets while records pour in: how many frames are late, and how long an interaction takes until
// it is painted. `node scripts/measure-frames.mjs [tickets] [records a second] [seconds]`
import { call, launchBrowser, newAgent, signIn } from "../e2e/support.mjs";
import { deskWith, figure, load, share } from "./measure-support.mjs";

const [tickets = 20_000, perSecond = 200, seconds = 20] = process.argv.slice(2).map(Number);

const desk = await deskWith(tickets);
const browser = await launchBrowser();
try {
  const ada = await newAgent(desk, "Ada");
  const page = await signIn(browser, desk, ada);
  const snapshot = await call(desk, "GET", "/snapshot?topics=board");
  const ids = snapshot.board.map((ticket) => ticket.id);
  for (const [name, path, keys] of [
    ["list", "/inbox/open", ["j", "j", "j", "k", "x", "Escape", "j", "p", "Escape"]],
    ["board", "/board", ["l", "j", "j", "h", "k", "l", "j", "o", "Escape"]],
  ]) {
    await page.goto(`${desk.url}${path}`);
    await page.locator("[data-connection=live]").first().waitFor({ state: "attached" });
    await page.locator("[data-ticket], [data-card]").first().waitFor();
    await page.evaluate(() => {
      const seen = { frames: [], interactions: new Map() };
      globalThis.measured = seen;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
          if (!entry.interactionId) continue;
          const before = seen.interactions.get(entry.interactionId) ?? 0;
          seen.interactions.set(entry.interactionId, Math.max(before, entry.duration));
        }
      }).observe({ type: "event", durationThreshold: 16, buffered: false });
      let last = performance.now();
      const frame = (now) => {
        seen.frames.push(now - last);
        last = now;
        requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    });
    const pouring = load(desk, ids, perSecond);
    const end = performance.now() + seconds * 1_000;
    let pressed = 0;
    while (performance.now() < end) {
      await page.keyboard.press(keys[pressed % keys.length]);
      pressed += 1;
      await new Promise((done) => setTimeout(done, 150));
    }
    const records = await pouring.stop();
    const { frames, interactions } = await page.evaluate(() => ({
      frames: globalThis.measured.frames.slice(1),
      interactions: [...globalThis.measured.interactions.values()],
    }));
    // What takes less than 16 ms is not reported; it counts as 16.
    const inp = share([...interactions, ...Array(Math.max(0, pressed - interactions.length)).fill(16)], 0.98);
    const late = frames.filter((ms) => ms > 50).length / frames.length;
    console.log(
      `${name}: ${ids.length} tickets, ${Math.round(records / seconds)} records/s, ${frames.length} frames, ${pressed} keys`,
    );
    figure(`${name}: frames over 50 ms`, late * 100, "%", "< 1 %", late < 0.01);
    figure(`${name}: interaction to next paint, p98`, inp, "ms", "< 100 ms", inp < 100);
  }
} finally {
  await browser.close();
  await desk.stop();
}
