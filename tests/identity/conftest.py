import asyncio

import pytest

from identity.house import opened


@pytest.fixture
def visit(tmp_path):
    """Run a story in a fresh house."""

    def run(story, **settings):
        async def main():
            async with opened(tmp_path, **settings) as house:
                await story(house)

        asyncio.run(main())

    return run
