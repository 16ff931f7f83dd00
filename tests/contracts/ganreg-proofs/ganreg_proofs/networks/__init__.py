"""Everything of this plugin that needs torch; the components import it when they build."""
