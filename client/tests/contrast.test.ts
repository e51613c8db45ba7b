import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

type Rgb = [number, number, number];
type Side = "light" | "dark";

const css = readFileSync(new URL("../src/styles/tokens.css", import.meta.url), "utf8");
const tokens = new Map<string, [string, string]>();
for (const [, name, light, dark] of css.matchAll(
  /--([\w-]+): light-dark\((oklch\([^)]*\)), (oklch\([^)]*\))\);/g,
)) {
  if (name && light && dark) tokens.set(name, [light, dark]);
}

/** https://www.w3.org/TR/css-color-4/#color-conversion-code, oklch to linear sRGB, with its alpha. */
function linear(text: string): { rgb: Rgb; alpha: number } {
  const [lightness = 0, chroma = 0, hue = 0, percent = 100] = [...text.matchAll(/[\d.]+/g)].map(Number);
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const clamp = (value: number) => Math.min(1, Math.max(0, value));
  return {
    rgb: [
      clamp(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
      clamp(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
      clamp(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
    ],
    alpha: text.includes("/") ? percent / 100 : 1,
  };
}

const encode = (value: number) => (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055);
const decode = (value: number) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);

/** The colours laid over each other from the bottom up, blended as browsers do. */
function stacked(names: string[], side: Side): Rgb {
  let below: Rgb = [0, 0, 0];
  for (const name of names) {
    const value = tokens.get(name)?.[side === "light" ? 0 : 1];
    if (value === undefined) throw new Error(`there is no token ${name}`);
    const { rgb, alpha } = linear(value);
    below = below.map((under, at) =>
      decode(encode(rgb[at] ?? 0) * alpha + encode(under) * (1 - alpha)),
    ) as unknown as Rgb;
  }
  return below;
}

/** WCAG 2.2, 1.4.3. */
function contrast(ink: string, grounds: string[], side: Side): number {
  const luminance = ([r, g, b]: Rgb) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
  const a = luminance(stacked([...grounds, ink], side));
  const b = luminance(stacked(grounds, side));
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

const TEXT: [string, string[]][] = [
  ...["ink", "ink-2", "ink-3"].flatMap((ink): [string, string[]][] => [
    [ink, ["surface"]],
    [ink, ["canvas"]],
    [ink, ["raised"]],
    [ink, ["surface", "hover"]],
    [ink, ["canvas", "press"]],
    [ink, ["accent-soft"]],
  ]),
  ["ink", ["outbound"]],
  ["ink", ["note"]],
  ["ink-3", ["note"]],
  ["note-ink", ["note"]],
  ["note-ink", ["surface"]],
  ["accent", ["surface"]],
  ["accent", ["raised"]],
  ["accent", ["outbound"]],
  ["accent", ["accent-soft"]],
  ["on-accent", ["accent"]],
  ["on-accent", ["accent-strong"]],
  ["danger", ["surface"]],
  ["danger", ["canvas"]],
  ["danger", ["accent-soft"]],
  ["danger", ["danger-soft"]],
  ["warn", ["surface"]],
  ["warn", ["warn-soft"]],
  ["ink-2", ["warn-soft"]],
  ["ink-2", ["danger-soft"]],
  ["ink", ["warn-soft"]],
  ["good", ["surface"]],
];

const SIGNS = ["new", "open", "pending", "on-hold", "solved", "closed"].map((name) => `status-${name}`);

describe.each(["light", "dark"] as const)("C32: contrast, %s", (side) => {
  test.each(TEXT)("text in %s on %j", (ink, grounds) => {
    expect(contrast(ink, grounds, side)).toBeGreaterThanOrEqual(4.5);
  });

  test.each(SIGNS)("%s as a sign", (sign) => {
    expect(contrast(sign, ["surface"], side)).toBeGreaterThanOrEqual(3);
    expect(contrast(sign, ["canvas"], side)).toBeGreaterThanOrEqual(3);
  });

  test("the focus ring", () => {
    expect(contrast("accent", ["surface"], side)).toBeGreaterThanOrEqual(3);
    expect(contrast("accent", ["canvas"], side)).toBeGreaterThanOrEqual(3);
  });
});
