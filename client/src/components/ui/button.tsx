import clsx from "clsx";
import { type ButtonHTMLAttributes, forwardRef } from "react";

const VARIANTS = {
  primary: "bg-accent text-on-accent hover:bg-accent-strong",
  secondary: "border border-line-strong bg-surface text-ink hover:bg-hover",
  ghost: "text-ink-2 hover:bg-hover hover:text-ink",
  note: "border border-note-line bg-note text-note-ink hover:brightness-97",
  danger: "text-danger hover:bg-danger-soft",
} as const;

const SIZES = {
  sm: "h-7 gap-1.5 px-2.5 text-xs coarse:h-10",
  md: "h-8 gap-2 px-3 text-sm coarse:h-11",
  lg: "h-10 gap-2 px-4 text-base coarse:h-12",
  icon: "size-7 coarse:size-11",
  /** The narrow half of a button with a menu beside it. */
  half: "h-8 w-7 coarse:h-11 coarse:w-9",
} as const;

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  variant?: keyof typeof VARIANTS;
  size?: keyof typeof SIZES;
}

export const Button = forwardRef<HTMLButtonElement, ButtonProps>(function Button(
  { variant = "secondary", size = "md", className, type = "button", ...rest },
  ref,
) {
  return (
    <button
      ref={ref}
      type={type}
      className={clsx(
        "inline-flex shrink-0 select-none items-center justify-center rounded-md font-medium transition-colors duration-(--motion-fast) disabled:cursor-not-allowed disabled:opacity-50",
        VARIANTS[variant],
        SIZES[size],
        className,
      )}
      {...rest}
    />
  );
});
