// The components of the how-to guide. react-admin takes them from ra-core, and adds their look.
declare module "react-admin" {
  import type { ComponentType } from "react";
  import type { CoreAdminProps } from "ra-core";
  type Input = ComponentType<{ source: string; label?: string; alwaysOn?: boolean }>;

  export { Resource } from "ra-core";
  export const Admin: ComponentType<CoreAdminProps>;
  export const EditGuesser: ComponentType;
  export const ListGuesser: ComponentType;
  export const NumberInput: Input;
  export const SearchInput: Input;
  export const TextInput: Input;
}
