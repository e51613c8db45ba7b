import { Ellipsis } from "lucide-react";
import { type ButtonHTMLAttributes, forwardRef } from "react";
import { Avatar } from "@/components/ui/avatar";
import { strings } from "./strings/strings";

/** Who is here; it opens the account's menu. */
export const AccountButton = forwardRef<
  HTMLButtonElement,
  ButtonHTMLAttributes<HTMLButtonElement> & { name: string }
>(function AccountButton({ name, ...rest }, ref) {
  return (
    <button
      ref={ref}
      type="button"
      className="flex h-9 items-center gap-2.5 rounded-md px-2 text-left text-sm hover:bg-hover coarse:h-12"
      {...rest}
    >
      <Avatar name={name} me />
      <span className="min-w-0 flex-1 truncate">{name}</span>
      <span className="sr-only">{strings.nav.menu}</span>
      <Ellipsis className="size-4 text-ink-3" />
    </button>
  );
});
