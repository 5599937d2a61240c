/** What both clients create; one body of each kind of client fits the other's type too. */
export const animal = {
  title: "Ann",
  legs: 4,
  weight: 2.5,
  born: "2026-01-31",
  feeds_at: "08:00:00",
  seen_at: "2026-01-31T12:30:00Z",
  chip: "0190a2b0-0000-7000-8000-000000000001",
  contact: "ann@example.com",
  page: "https://example.com/",
  data: { a: [1, null, "x"] },
  photo: "AAEC",
  species: "cat",
  secret: "secret-1",
};
