"""The verifier: it judges pending trees and signs verdicts."""
