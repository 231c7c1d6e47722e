// The example suite is one of ours, too: on every runtime, from this checkout.

import "../../examples/testing/routes.test.ts";
