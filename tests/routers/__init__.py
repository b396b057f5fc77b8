import pytest

pytest.register_assert_rewrite("tests.routers.conformance")
