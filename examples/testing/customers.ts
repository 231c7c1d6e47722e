// The database the configuration asks. In a real one this is a client of Redis or PostgreSQL; tests put a stand-in here.

export interface Customer {
  readonly upstream: string;
}

export const customers: { find(host: string): Promise<Customer | null> } = {
  find: () => Promise.reject(new Error("connect a database first")),
};
