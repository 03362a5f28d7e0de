"""The page of ``affetti serve``: a Starlette application over the functions of the other rooms."""
