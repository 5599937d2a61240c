// The components of the how-to guide. react-admin takes them from ra-core, and adds their look.
declare module "react-admin" {
  import type { ComponentType, ReactNode } from "react";
  import type { CoreAdminProps } from "ra-core";
  type Input = ComponentType<{ source: string; label?: string; alwaysOn?: boolean }>;

  export { Resource } from "ra-core";
  export const Admin: ComponentType<CoreAdminProps>;
  export const EditGuesser: ComponentType;
  export const ListGuesser: ComponentType;
  export const NumberInput: Input;
  export const SearchInput: Input;
  export const TextInput: Input;

  type Parent<Props = object> = ComponentType<Props & { children?: ReactNode }>;
  type Reference = { source: string; reference: string };

  export const Datagrid: Parent;
  export const Edit: Parent;
  export const List: Parent<{ queryOptions?: { meta: object } }>;
  export const ReferenceArrayInput: Parent<Reference>;
  export const ReferenceInput: Parent<Reference>;
  export const ReferenceManyField: Parent<{ reference: string; target: string }>;
  export const SimpleForm: Parent;
  export const TextField: ComponentType<{ source: string }>;
}
