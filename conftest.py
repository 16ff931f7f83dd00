"""For every test here, the plugins' too: on a loaded machine a slow example is no failure."""

import hypothesis

hypothesis.settings.register_profile("ganreg", deadline=None)
hypothesis.settings.load_profile("ganreg")
