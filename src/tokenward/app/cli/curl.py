"""`tokenward curl`: a call to an API, with a token that is obtained, bound and shown."""

import os
from typing import Annotated

import typer

from tokenward.app.cli.console import fail
from tokenward.app.cli.profile_options import (
    AudienceOption,
    ProfileOption,
    ScopeOption,
    failures_told,
    scopes,
)
from tokenward.app.workstation.curl_call import Curl, CurlError
from tokenward.app.workstation.profiles import PROFILE_VARIABLE, default_path, load
from tokenward.app.workstation.sources import source_of


def curl(
    arguments: Annotated[
        list[str], typer.Argument(metavar="URL", help="The API's URL, and options of curl's around it.")
    ],
    profile: ProfileOption = "",
    audience: AudienceOption = "",
    scope: ScopeOption = None,
) -> None:
    """Call an API with curl and a token, which is obtained and, if the profile says so, bound.

    The profile is the one that is for this URL, unless --profile or --audience
    says otherwise; these come first. The token goes to the profile's API and to
    nobody else. It reaches curl through a pipe, so that no list of processes
    shows it, and is masked in what --verbose prints. Where the API refuses it, or
    asks for a nonce, the call is sent once more, unless its body came from
    standard input.

    Options that could take the token elsewhere are refused, ~/.curlrc is not
    read, and URLs stand for themselves (--globoff). The exit code is curl's; 1 or
    2 if there is no token.

    Examples: tokenward curl https://api.example.com/bank/accounts; tokenward curl
    --profile bank https://api.example.com/bank/transfers --json @transfer.json
    """
    try:
        installed = Curl.installed()
        call = installed.read(arguments)
    except CurlError as error:
        fail(str(error))
    with failures_told(profile):
        profiles = load(default_path())
        said = profile or audience or os.environ.get(PROFILE_VARIABLE)
        name, one = profiles.chosen(profile, audience=audience) if said else profiles.for_url(call.url)
        one = one.asking_for(scopes(scope))
    if not one.audience:
        mend = "tokenward login --audience URL" if one.is_personal else "--audience URL"
        fail(f"the tokens of {name} are for no API in particular, so none may see them: {mend}")
    with failures_told(name):
        try:
            code = installed.run(arguments, call, source_of(one), one.audience)
        except CurlError as error:
            fail(str(error))
    raise typer.Exit(code)
