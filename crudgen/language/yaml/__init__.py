"""YAML text → nodes that know their places. Changes with what YAML may say."""
