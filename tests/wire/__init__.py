"""What clients see on the wire, byte by byte, and proof that each of these tests can fail."""

import pytest

pytest.register_assert_rewrite("tests.wire.checks", "tests.wire.raw")
